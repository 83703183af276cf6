package engine

import (
	"fmt"
	"path"
	"strings"
)

// sentenceSettings are what a sentence-transformers folder says beyond its model.
type sentenceSettings struct {
	MaxTokens int  `json:"max_seq_length"` // 0 is up to the model; tokenizer.json's own limit does not count
	Lower     bool `json:"do_lower_case"`
}

// sentenceSettings reads sentence_bert_config.json and refuses what is not
// mean pooling. A folder without modules.json is a plain model, which
// sentence-transformers pools by the mean too.
func (l location) sentenceSettings() (sentenceSettings, error) {
	var s sentenceSettings
	if err := l.readJSON("sentence_bert_config.json", &s); err != nil {
		return s, err
	}
	if s.MaxTokens == 0 {
		// sentence-transformers falls back to the tokenizer's limit; a huge one means none.
		var c struct {
			Max float64 `json:"model_max_length"`
		}
		if err := l.readJSON("tokenizer_config.json", &c); err != nil {
			return s, err
		}
		if c.Max >= 1 && c.Max < 1<<30 {
			s.MaxTokens = int(c.Max)
		}
	}
	var modules []struct {
		Path string `json:"path"`
		Type string `json:"type"`
	}
	if err := l.readJSON("modules.json", &modules); err != nil {
		return s, err
	}
	for _, m := range modules {
		kind := m.Type[strings.LastIndexByte(m.Type, '.')+1:]
		switch kind {
		case "Transformer", "Normalize":
		case "Pooling":
			if err := l.checkPooling(m.Path); err != nil {
				return s, err
			}
		default:
			return s, fmt.Errorf("module %s of modules.json is not supported", m.Type)
		}
	}
	return s, nil
}

// checkPooling refuses every pooling but the mean.
func (l location) checkPooling(folder string) error {
	if folder != path.Base(folder) {
		return fmt.Errorf("modules.json names the folder %q", folder)
	}
	var modes map[string]any
	name := path.Join(folder, "config.json")
	if err := l.readJSON(name, &modes); err != nil {
		return err
	}
	mean := false
	for key, v := range modes {
		switch {
		case key == "pooling_mode":
			if v != "mean" {
				return fmt.Errorf("pooling mode %v of %s is not supported; mean is", v, name)
			}
			mean = true
		case key == "pooling_mode_mean_tokens":
			mean = mean || v == true
		case strings.HasPrefix(key, "pooling_mode_") && v == true:
			return fmt.Errorf("%s of %s is not supported; pooling_mode_mean_tokens is", key, name)
		}
	}
	if !mean {
		return fmt.Errorf("%s does not ask for mean pooling, the only one supported", name)
	}
	return nil
}
