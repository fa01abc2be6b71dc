package audit

// Fill is how many random leaves go with n acts of a beat.
func Fill(n int) int { return fill(n) }
