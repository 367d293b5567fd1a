// Package engine reads the streams of a run and writes their messages.
//
// Workers take tasks from a queue, ask the source for pages, split them into records, and hand each
// page to the writer; they wait until it is written before they ask for the next one. The writer is
// the only goroutine that writes to standard output, and it owns each stream's progress: only when
// a page is written does it say so to [progress.Read], which returns what may be read next. So a
// STATE covers only what was written before it, and a slow loader slows down the reading.
//
// With deletes, the lists that are due are compared with what was delivered, behind everything that
// is left to read: see package gone. The context ends everything; its cause says why.
//
// There are four locks. The queue has one, for its tasks. A stream has one for what is known of its
// list (its shape, and refused parts of requests), and one for its report, which observers read.
// The run has one for the oldest row seen so far.
package engine
