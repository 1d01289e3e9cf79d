# Makes the files beside it: Rscript make.R (R 4.2). The data is made up.
frame <- data.frame(
  day = as.Date("2020-02-28") + 0:3,
  at = as.POSIXct(c(0, 1800.5, NA, 86400), origin = "1970-01-01", tz = "America/Chicago"),
  ok = c(TRUE, FALSE, NA, TRUE),
  n = c(1L, NA, 3L, -4L),
  y = c(1.5, NA, NaN, -Inf),
  who = c("a", NA, "\u00e9", "\u20ac uro"),
  kind = factor(c("low", "high", NA, "low"), levels = c("low", "high")),
  stringsAsFactors = FALSE
)
latin <- "stra\xdfe \x80"
Encoding(latin) <- "latin1"
frame$old <- c(latin, "plain", "x", "y")
frame$m <- matrix(1:8, 4, dimnames = list(NULL, c("p", "q")))
frame$u <- matrix(c(0.5, 1, 2, 4), 4)
frame$l <- list(1, "a", NULL, 4)
frame$long <- structure(c(4.94065645841247e-324, NA, 0, 0), class = "integer64")
row.names(frame) <- c("r1", "r2", "r3", "r4")
series <- ts(c(112, 118, 132, 129, 121), start = c(1949, 11), frequency = 12)
several <- ts(matrix(c(1:3, 7:9) + 0.25, 3, dimnames = list(NULL, c("DAX", "FTSE"))), start = 1991)
named <- c(one = 1L, two = 2L)
texts <- c("x", NA)
grid <- matrix(c(TRUE, FALSE, NA, TRUE, TRUE, TRUE), 2, dimnames = list(c("a", "b"), NULL))
compact <- data.frame(id = 1:10, down = 10:1, t = as.character(1:10))
numbers <- as.character(c(1, 2.5, 1e5, 123456, 1e-5, 0.1 + 0.2, NA, Inf, 1e15, 1e-300, -1 / 3, 0))
wrapped <- sort(c(3.5, 1:99))
empty <- data.frame(a = numeric(0), b = character(0))
table1 <- table(c("u", "v", "u"))
# What cannot be a table
code <- compiler::cmpfun(function(x, ...) {
  for (i in seq_along(x)) if (x[[i]] > 2 && TRUE) x[[i]] <- sum(x, na.rm = FALSE) else next
  g <- function(y = 1:3) switch(y, a = y ~ x, NULL)
  g(x)
})
after <- 1:4
place <- new.env(parent = emptyenv())
assign("inside", 1:3, envir = place)
attr(place, "self") <- place
formula <- y ~ x + log(z)
setClass("Thing", representation(size = "numeric"))
thing <- new("Thing", size = 1)
expressions <- expression(a + b)
complexes <- c(1 + 2i, 3i)
bytes <- as.raw(1:3)
cube <- array(1:8, c(2, 2, 2))
nothing <- NULL
pairs <- pairlist(a = 1, 2)
builtin <- sum

objects <- setdiff(ls(), "latin")
save(list = objects, file = "gzip.rda")
save(list = objects, file = "plain.rda", compress = FALSE)
save(list = objects, file = "version2.RData", version = 2)
save(list = objects, file = "xz.rda", compress = "xz")
save(list = "series", file = "bzip2.rda", compress = "bzip2")
save(list = "series", file = "ascii.rda", ascii = TRUE)
saveRDS(frame, "frame.rds")
saveRDS(series, "series.rds", compress = FALSE)
everything <- mget(objects)
from <- list2env(everything)
for (kind in 0:3)
  tools:::makeLazyLoadDB(from, paste0("pair", kind), compress = kind)
system("xz -c series.rds > series-crc64.rds")
saveRDS(numeric(4000), "zeros.rds", compress = FALSE)
system("xz -0 --check=sha256 --block-size=4096 <zeros.rds >zeros-xz.rds")
unlink("zeros.rds")
