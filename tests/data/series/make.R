# Makes series.rda: R's series and data frames for test_series.c.
months <- ts(c(1.5, 2, 3, 4), start = c(1949, 11), frequency = 12)
quarters <- ts(1:3, start = c(1960, 4), frequency = 4)
years <- ts(c(5, 6), start = -6000)
halves <- ts(c(1, 2, 3, 4), start = c(7, 48), frequency = 48)
moons <- ts(1:3, start = 2000.3, frequency = 29.53)
pair <- ts(cbind(a = c(1, 2), b = c(3, 4)), start = c(2000, 1), frequency = 7)
holes <- ts(c(1, NA, 3), start = 1)
frame <- data.frame(
    unique_id = factor(c("b", "a", "a", "b")),
    ds = as.Date("2024-01-05") + c(0, 0, 3, 3),
    y = c(1, 2, 3, 4),
    price = c(0.5, NA, 2.5, 1e10),
    kind = c("x", "y", "y", "x"),
    size = c(1.25, 2, 2, 1.25),
    many = I(list(1, 2, 3, 4)),
    stringsAsFactors = FALSE
)
clock <- data.frame(
    when = as.POSIXct("2024-01-05 22:00", tz = "UTC") + c(0, 3600, 7200),
    count = c(1L, 2L, 3L),
    store = c(7L, 7L, 7L),
    open = c(TRUE, FALSE, TRUE)
)
texts <- data.frame(day = c("2024-01-01", "2024-01-02"), value = c("1.5", "x"))
late <- data.frame(day = as.Date("2024-01-01") + c(0, 0.5), value = c(1, 2))
save(months, quarters, years, halves, moons, pair, holes, frame, clock, texts, late,
    file = "series.rda", version = 2
)
