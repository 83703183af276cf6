// Package hub brings a model's files to this machine and reads them: a registry
// of known models, a verified cache, and readers of GGUF and safetensors.
//
// Key words: model, source, cache, tensor.
//
// The usual path is
//
//	cache, err := hub.Open(hub.Options{Dir: dir})
//	local, err := cache.Ensure(ctx, "smollm2-135m-instruct")
//	file, err := hub.OpenGGUF(local.Path)
//	defer file.Close()
//	weight, ok := file.Tensor("token_embd.weight")
//	values, err := weight.Float32(nil)
//
// Every file is checked against a SHA-256 that the registry holds, or against the
// hub's own hash as it was at the first pull. A failed fetch is an *Error with a
// sentence and a hint; a file that cannot be read is a *FormatError. The readers
// trust nothing in a file: sizes and counts are checked against the length of
// the file before anything is allocated.
//
// A Cache is safe for concurrent use, by goroutines and by processes. A reader is
// safe for concurrent reading; its tensors are views of the mapped file and must
// not be used after Close.
package hub
