"""The course as pages to read: `make site` leaves them in build/site."""
