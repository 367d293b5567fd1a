// Package sandbox is a Harvest v3 on localhost, made from the same stream files as the tap: for
// tests, for the demo, and for trying a pipeline without an account. It is strict: it refuses
// whatever the API would refuse. Its rows are generated from a seed, so millions of them take no
// memory, and they are consistent: a reference leads to a row that exists.
//
// It must never be loosened to make the tap pass.
package sandbox
