// Package sandbox is a Harvest v3 on localhost, made from the same stream files as the tap: for
// tests, for the demo, and for trying a pipeline without an account. It is strict: it refuses
// whatever the API would refuse.
//
// Its rows tell a story. A hundred candidates, and the jobs they apply for, are a chapter; the
// story is written once, in the vocabulary of life.go, and happens again in every chapter with
// other ids, times and people. So rows agree with each other, references lead to rows, and
// millions of rows take no memory. The oddities of real accounts happen in every chapter, too; the
// tests of this package list them.
//
// It must never be loosened to make the tap pass.
package sandbox
