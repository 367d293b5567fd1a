// Package cli turns flags, files and environment into a checked config, picks the voice, and ties
// all other parts together. It is the only package that sees all of them.
package cli
