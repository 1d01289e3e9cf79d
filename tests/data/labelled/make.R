# Makes the files beside it: Rscript make.R (R 4.2). The data is made up.
train <- data.frame(
  review = c("Good caf\u00e9", "bad", "not bad"),
  score = factor(c("great", "other", "great")),
  stars = c(5, 1, 4.5),
  liked = c(TRUE, FALSE, TRUE),
  stringsAsFactors = FALSE
)
missing <- data.frame(text = c("a", NA), label = c("x", "y"))
walks <- data.frame(id = c(7, 7, 8), step = c(0.5, NA, 2), label = c("up", "up", "down"))
save(train, missing, walks, file = "frames.rda", version = 3)
saveRDS(train, "reviews.rds", version = 3)
