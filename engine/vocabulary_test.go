package engine

import (
	"encoding/json"
	"slices"
	"testing"
)

func TestTokenizerConfig(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ in, eos, template string }{
		{`{"eos_token": "</s>", "chat_template": "a"}`, "</s>", "a"},
		{`{"eos_token": {"content": "</s>", "special": true}, "chat_template": [{"name": "tool_use", "template": "t"}, {"name": "default", "template": "d"}]}`, "</s>", "d"},
		{`{"eos_token": null, "chat_template": null}`, "", ""},
		{`{}`, "", ""},
	} {
		var got tokenizerConfig
		if err := json.Unmarshal([]byte(c.in), &got); err != nil || string(got.EOS) != c.eos || string(got.Template) != c.template {
			t.Errorf("%s: got %+v, %v", c.in, got, err)
		}
	}
	for in, want := range map[string][]int32{"2": {2}, "[2, 0]": {2, 0}, "null": nil} {
		var got endIDs
		if err := json.Unmarshal([]byte(in), &got); err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: got %v, %v; want %v", in, got, err, want)
		}
	}
}

func FuzzTokenizerConfig(f *testing.F) {
	f.Add([]byte(`{"eos_token": {"content": "</s>"}, "chat_template": [{"name": "default", "template": "d"}], "eos_token_id": [1]}`))
	f.Add([]byte(`{"eos_token": 1, "chat_template": 2, "eos_token_id": "x"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var c tokenizerConfig
		_ = json.Unmarshal(data, &c)
		var end struct {
			IDs endIDs `json:"eos_token_id"`
		}
		_ = json.Unmarshal(data, &end)
	})
}

// The tokens that end an answer come from every file that names some.
func TestEndsOfFolder(t *testing.T) {
	t.Parallel()
	dir := copyModel(t, "llama-tied", map[string][2]string{
		"generation_config.json": {"", `{"eos_token_id": [5, 6]}`},
		"tokenizer_config.json":  {"", `{"eos_token": "<|im_start|>", "chat_template": "{{ messages[0].content }}"}`},
		"chat_template.jinja":    {"", "{{ eos_token + messages[0].content }}"},
	})
	v, err := location{folder: dir}.folderVocabulary()
	if err != nil {
		t.Fatal(err)
	}
	var got []int32
	for id := range v.ends {
		got = append(got, id)
	}
	slices.Sort(got)
	if want := []int32{0, 1, 2, 5, 6}; !slices.Equal(got, want) { // 0 and 2 are known endings
		t.Errorf("ends %v, want %v", got, want)
	}
	p, err := v.render([]ChatMessage{{"user", "hello"}})
	if err != nil || p.String() != "<|im_start|>hello" {
		t.Errorf("rendered %q, %v; want the template of chat_template.jinja", p.String(), err)
	}
}
