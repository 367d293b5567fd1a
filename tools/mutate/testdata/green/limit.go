// Package green has a function whose tests notice every change but one.
package green

// Limit says whether n is within the limit, and why not.
func Limit(n int) (bool, string) {
	if n > 10 {
		return false, "too many"
	}
	return true, ""
}
