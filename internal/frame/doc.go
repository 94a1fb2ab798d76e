// Package frame holds the buffers in which frames change hands between loops.
//
// A [Batch] is many frames one behind the other in one piece of memory. The loop that produces frames fills one batch per
// destination during its turn and gives it away at the end; the loop that receives it reads the frames in place and gives the
// batch back to the [Pool]. So a hand-over costs one lock and one wake-up per destination and turn, whatever the number of
// frames, and no frame needs a reference count.
//
//	producer's turn:  Append Append Append ──give──▶ consumer: Each ──Put──▶ Pool
//
// Owner: a batch belongs to whoever got it last; using it after giving it away is a bug that the Pool's owner check catches
// in tests (a batch that was put back panics when it is used). The package imports nothing of ours.
package frame
