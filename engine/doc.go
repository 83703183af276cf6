// Package engine loads a model from its files and runs it on the CPU: text from
// a language model, vectors from an encoder of texts or, of texts and pictures,
// from a CLIP.
//
// Key words: language model, sequence, step, encoder, precision.
//
// The usual path is
//
//	m, err := engine.OpenLanguageModel(ctx, path, engine.Options{})
//	defer m.Close()
//	result, err := m.Generate(ctx, engine.Request{
//		Messages:  []engine.ChatMessage{{Role: "user", Content: "Describe a linen shirt."}},
//		MaxTokens: 64,
//	}, func(t engine.Token) error { fmt.Print(t.Text); return nil })
//
// A path is a GGUF file or a Hugging Face folder (config.json, safetensors, and
// tokenizer.json or vocab.json with merges.txt). The architectures are llama,
// gpt2 and gpt_neo, for language models, bert, for encoders, and clip. A base model,
// which comes without a chat template, continues a conversation as plain text. Anything in a file that the engine does not know is refused by
// name: an architecture, a tensor, a component of the tokenizer.
//
// Requests to a LanguageModel run together. One goroutine, owned by the model,
// takes step after step; in each step every running sequence advances by one
// token and waiting prompts are read in chunks. Sequences join and leave between steps. A
// step allocates nothing on the heap. Requests for which there is no room wait in a bounded queue, in which
// tenants take turns by tokens; what has no place there, or would wait beyond its deadline, is refused with
// an *OverloadError. A prompt that begins like an earlier one of its tenant is not read again there.
//
// Errors: a request that does not fit the context is a *ContextError, one that is
// refused for now an *OverloadError; a closed model answers ErrClosed; a request's own context ends it within a step, with
// the context's error. All methods are safe for concurrent use.
package engine
