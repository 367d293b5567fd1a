// Package record works on the bytes of a page: it checks that they are one well-formed JSON array
// of objects, splits it into records, holds each against the shape of its stream, leaves out what
// nobody asked for and treats what a policy names. All of that happens in one pass, and a page that
// is not whole yields nothing.
//
// It must never know where a page came from, nor in which protocol its records go out.
package record
