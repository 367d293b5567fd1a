// Package gone finds rows that a list no longer has, and proves that none is missing in what was
// delivered. It keeps a ledger of each stream's rows, compares it with listings, and says which
// rows to ask for. docs/deletes.md explains it.
//
// A ledger never claims more of the warehouse than a state has acknowledged: see [Open]. The
// package must never know where pages come from, nor how a protocol reports a deleted row.
package gone
