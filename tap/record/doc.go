// Package record works on the bytes of a page: it checks that they are one well-formed JSON array
// of objects, splits it into records, holds each against the shape of its stream, cuts out what
// nobody asked for and frames the rest as lines. All of that happens in one pass, and a page that
// is not whole yields nothing.
//
// It must never know where a page came from, nor which protocol its frames belong to.
package record
