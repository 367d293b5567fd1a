// Package cli is the command line: flags, files, signals, and what the commands print. What it
// reads an account with is package greenhouse.
package cli
