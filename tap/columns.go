package tap

// NewColumns says how to treat columns that no schema has.
type NewColumns string

// Keep widens the schema, Drop leaves the column out, and Warn widens the schema and logs a
// warning.
const (
	Keep NewColumns = "keep"
	Drop NewColumns = "drop"
	Warn NewColumns = "warn"
)

// TypeChanges says how to treat values of a type that their column does not have.
type TypeChanges string

// Widen widens the schema, and Null replaces the value by null and logs a warning.
const (
	Widen TypeChanges = "widen"
	Null  TypeChanges = "null"
)
