package compare

// Reported is a table of figures from elsewhere.
type Reported struct{}
