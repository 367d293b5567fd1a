// Package cli is the command line: flags, files, signals, and the output of commands. It reads
// accounts through package greenhouse.
package cli
