package config

import (
	"time"

	"github.com/tap-greenhouse/tap-greenhouse/tap/store"
)

// Attachments says where to store contents of attachments, and which.
type Attachments struct {
	Store    store.Store `json:"store"`
	Types    []string    `json:"types"` // empty for all
	MaxBytes int64       `json:"max_bytes"`
}

// maxFileBytes is the default of max_bytes.
const maxFileBytes = 100_000_000

// Deletes says where to store the ids of rows, and how often to sweep long lists.
type Deletes struct {
	Store    store.Store   `json:"store"`
	Every    time.Duration `json:"every"`
	MaxShare float64       `json:"max_share"`
}
