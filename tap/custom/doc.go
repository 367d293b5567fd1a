// Package custom makes columns of custom fields: it reads their definitions from a [tap.Source],
// gives each a column, and transforms the pages of streams that have them. It knows neither HTTP
// nor a protocol.
package custom
