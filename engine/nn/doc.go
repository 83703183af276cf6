// Package nn has what the architectures under arch are built of: layers over
// frozen weights, the loader that fills them, and the book-keeping of the
// key-value cache.
//
// Key words: layer, weights, tensor, batch, page.
//
// A layer is a struct of weights with a Forward that reads and writes buffers
// of its caller; there is no graph. A batch is ragged: the rows of its sequences
// lie one after another in one matrix, with no padding between them. The buffers belong to a state that is
// made once for the largest batch, so a forward pass allocates nothing on the heap.
//
//	l := nn.NewLoader(machine, source, nn.LoaderOptions{Exact: true})
//	norm := nn.RMSNorm{Gain: l.Vector("model.norm.weight", width), Eps: 1e-5}
//	head := l.Linear("lm_head.weight", vocabulary, width)
//	if err := l.Finish(); err != nil { ... } // a tensor is missing, misshapen or was never asked for
//
// The loader keeps its first error, so that a model is read without a test
// after every tensor. Slices of the wrong length in a Forward are a bug of the
// caller and panic. Layers are read-only and safe for concurrent use; a state and a Cache belong to
// one goroutine at a time.
package nn
