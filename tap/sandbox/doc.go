// Package sandbox is a Harvest v3 on localhost, made from the same stream files as the tap: for
// tests, for the demo, and for trying a pipeline without an account. It is strict: whatever the API
// would refuse, it refuses. Its rows are made up on the fly from a seed, so that millions of them
// take no memory, and they hang together: a reference leads to a row that exists.
//
// It must never be loosened to make the tap pass.
package sandbox
