// Package custom makes columns of the fields that a company added: it reads their definitions from
// a [tap.Source], gives each a column, and turns the pages of streams that carry them. It knows no
// HTTP, and no protocol.
package custom
