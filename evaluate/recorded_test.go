package evaluate_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"stylesprint"
	"stylesprint/evaluate"
	"stylesprint/evaluate/dataset"
)

// shirts are the items that the files of these tests belong to.
func shirts() []dataset.Item {
	return []dataset.Item{
		{ID: "s-1", Fields: map[string]string{"name": "Ada Shirt", "colour": "navy"}, References: []string{"A navy shirt."}},
		{ID: "s-2", Fields: map[string]string{"name": "Ada Shirt", "colour": "white"}, References: []string{"A white shirt."}},
	}
}

// outputsOf replays a record over the shirts and returns its outputs.
func outputsOf(t *testing.T, r evaluate.Recorded) []evaluate.Output {
	t.Helper()
	d, err := dataset.New("shirts", shirts())
	if err != nil {
		t.Fatal(err)
	}
	_, _, store, _ := setup(t, 1)
	run, err := (&evaluate.Runner{Store: store}).Run(t.Context(), evaluate.Plan{Dataset: d, Repeat: r.Recording.Repeat(), Recorded: r.Recording, Candidate: evaluate.Candidate{Name: r.Candidate}})
	if err != nil {
		t.Fatal(err)
	}
	return store.All(run.ID)
}

const promptfooExport = `{
 "evalId": "eval-1",
 "results": {"version": 3, "prompts": [], "results": [
  {"promptIdx":0,"testIdx":0,"provider":{"id":"openai:gpt-x","label":"gpt"},"prompt":{"raw":"Describe {{name}}","label":"plain"},"vars":{"item_id":"s-1"},
   "response":{"output":"A navy shirt.","tokenUsage":{"prompt":12,"completion":5,"total":17},"finishReason":"stop"},"latencyMs":420,"cost":0.0004,"success":true,"failureReason":0},
  {"promptIdx":0,"testIdx":1,"provider":{"id":"openai:gpt-x","label":"gpt"},"prompt":{"raw":"Describe {{name}}","label":"plain"},"vars":{"name":"Ada Shirt","colour":"white"},
   "response":{"output":{"text":"A white shirt."},"cached":true,"tokenUsage":{"cached":17,"total":17}},"latencyMs":3,"error":"Expected output to contain crisp","failureReason":1,"success":false},
  {"promptIdx":1,"testIdx":0,"provider":"local:mini","prompt":{"raw":"Describe {{name}}"},"vars":{"x":1},"testCase":{"description":"s-1"},
   "response":{"error":"API error: 429"},"error":"API error: 429","failureReason":2,"latencyMs":10},
  {"promptIdx":1,"testIdx":1,"provider":"local:mini","prompt":{"raw":"Describe {{name}}"},"testCase":{"metadata":{"id":"s-2"}},"response":{"output":"Shirt","cost":0.1},"latencyMs":30},
  {"promptIdx":1,"testIdx":2,"provider":"local:mini","prompt":{"raw":"Describe {{name}}"},"testCase":{"metadata":{"id":"s-2"}},"response":{"output":"Shirt again"},"latencyMs":31}
 ]},
 "config": {}, "shareableUrl": null}`

func TestReadPromptfoo(t *testing.T) {
	t.Parallel()
	got, err := evaluate.ReadRecorded(strings.NewReader(promptfooExport), "results.json", evaluate.RecordPromptfoo, shirts())
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != 2 || got[0].Candidate != "gpt" || got[0].Model != "openai:gpt-x" || got[1].Candidate != "local:mini" || got[1].Recording.Repeat() != 2 {
		t.Fatalf("%+v", got)
	}
	gpt := outputsOf(t, got[0])
	if o := gpt[0]; !o.Replayed || o.Text != "A navy shirt." || o.Usage.PromptTokens != 12 || o.Usage.CompletionTokens != 5 || o.Cost != stylesprint.MoneyOf(0.0004) || o.FinishReason != "stop" ||
		o.Latency != 0 || o.Scores[evaluate.ReportedLatency] != 0.42 {
		t.Errorf("%+v", o)
	}
	// A failed assertion is an output all the same; what promptfoo's cache answered was not waited for.
	if o := gpt[1]; o.Text != `{"text":"A white shirt."}` || o.Error != "" || o.Scores != nil {
		t.Errorf("%+v", o)
	}
	mini := outputsOf(t, got[1])
	if mini[0].Error != "API error: 429" || mini[2].Text != "Shirt" || mini[2].Cost != stylesprint.MoneyOf(0.1) || mini[3].Text != "Shirt again" || mini[3].Repeat != 1 {
		t.Errorf("%+v", mini)
	}
}

func TestPromptfooShapes(t *testing.T) {
	t.Parallel()
	row := func(provider, prompt, vars string) string {
		return `{"provider":` + provider + `,"prompt":` + prompt + `,"vars":` + vars + `,"response":{"output":"x"}}`
	}
	one, two := row(`"m"`, `{"raw":"a","label":"short"}`, `{"id":"s-1"}`), row(`"m"`, `{"raw":"b","label":"`+strings.Repeat("long ", 20)+`"}`, `{"id":"s-1"}`)
	for _, text := range []string{`{"results":[` + one + `,` + two + `]}`, `{"results":{"version":2,"results":[` + one + `,` + two + `],"table":{}}}`} {
		got, err := evaluate.ReadRecorded(strings.NewReader(text), "r.json", evaluate.RecordPromptfoo, shirts())
		if err != nil || len(got) != 2 || got[0].Candidate != "m, short" || got[1].Candidate != "m, prompt 2" {
			t.Errorf("%+v %v", got, err)
		}
	}
}

func TestReadRecordCSV(t *testing.T) {
	t.Parallel()
	text := "\ufeffid,output,provider,prompt_tokens,completion_tokens,latency_ms,cost,error\r\ns-1,\"Navy,\nsoft\",a,10,4,250.5,0.002,\r\ns-2,,a,,,,,timeout\r\ns-1,B,b,1,1,,,\r\n"
	got, err := evaluate.ReadRecorded(strings.NewReader(text), "out.csv", evaluate.RecordCSV, nil)
	if err != nil || len(got) != 2 || got[0].Candidate != "a" || got[1].Candidate != "b" {
		t.Fatalf("%+v %v", got, err)
	}
	a := outputsOf(t, got[0])
	if a[0].Text != "Navy,\nsoft" || a[0].Cost != stylesprint.MoneyOf(0.002) || a[0].Usage.Total() != 14 || a[0].Scores[evaluate.ReportedLatency] != (250500*time.Microsecond).Seconds() || a[1].Error != "timeout" {
		t.Errorf("%+v", a)
	}
}

func TestReadRecordedJSONL(t *testing.T) {
	t.Parallel()
	text := `{"id":"s-1","text":"x","candidate":"a","latency_ms":12.5}` + "\n" + `{"id":"s-1","text":"y"}` + "\n" + `{"id":"s-2","text":"z","latency_ns":5000000}`
	path := filepath.Join(t.TempDir(), "mine.jsonl")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := evaluate.OpenRecorded(path, nil)
	if err != nil || len(got) != 2 || got[0].Candidate != "a" || got[1].Candidate != "mine" || got[1].Recording.Len() != 2 {
		t.Fatalf("%+v %v", got, err)
	}
	if a, mine := outputsOf(t, got[0]), outputsOf(t, got[1]); a[0].Scores[evaluate.ReportedLatency] != 0.0125 || mine[1].Scores[evaluate.ReportedLatency] != 0.005 {
		t.Errorf("%+v %+v", a, mine)
	}
	if _, err := evaluate.OpenRecorded(filepath.Join(t.TempDir(), "no.csv"), nil); stylesprint.CodeOf(err) != stylesprint.CodeNotFound {
		t.Error(err)
	}
	if _, err := evaluate.OpenRecorded("x.parquet", nil); err == nil || !strings.Contains(err.Error(), "no known format") {
		t.Error(err)
	}
}

func TestRecordedFaults(t *testing.T) {
	t.Parallel()
	csv, foo := evaluate.RecordCSV, evaluate.RecordPromptfoo
	result := func(s string) string { return `{"results":{"results":[` + s + `]}}` }
	for _, c := range []struct {
		format     evaluate.RecordFormat
		text, want string
	}{
		{csv, "", "f holds no recorded outputs"},
		{csv, "id,output\n", "f holds no recorded outputs"},
		{csv, "id\n", "f, line 1: there is no column text (or output)"},
		{csv, "text\n", "f, line 1: there is no column item_id (or id)"},
		{csv, "id,text,latencyms\n", `f, line 1: column "latencyms" is unknown; want some of item_id or id, text or output`},
		{csv, "id,item_id,text\n", "column item_id is there twice"},
		{csv, "id,text\n1\n", "f, line 2: has 1 cells and the header has 2"},
		{csv, "id,text,cost\n1,x,-2\n", `f, line 2: column cost: want a number of 0 or more, got "-2"`},
		{csv, "id,text,cost\n1,x,1e10\n", "column cost: want at most 9e9"},
		{csv, "id,text,prompt_tokens\n1,\"a\nb\",0\n2,x,1.5\n", `f, line 4: column prompt_tokens: want a whole number of 0 or more, got "1.5"`},
		{csv, "id,text\n1,x\n1,y\n", `f, line 3: item "1", repeat 0 is recorded twice`},
		{csv, "id,text\n,y\n", "f, line 2: field item_id is missing"},
		{csv, "id,text,repeat\n1,y,1000\n", "field repeat is 1000: want less than 1000"},
		{csv, "id,text\n1,\"x\"y\n", "f, line 2: extraneous or missing"},
		{csv, "id,text\n1,\xff\n", "f, line 2: is not UTF-8"},
		{foo, "{\n\n\"results\": x}", "f, line 3: is not promptfoo's JSON"},
		{foo, "[]", "f, line 1: is not promptfoo's JSON"},
		{foo, "{}", "f, results.results: there is no list of results"},
		{foo, `{"results":{"outputs":[]}}`, "f, results.results: there is no list of results"},
		{foo, `{"results":[]}`, "f holds no recorded outputs"},
		{foo, result(`{"vars":{"id":"s-1"}}`), "f, results.results[0].provider: want an id"},
		{foo, result(`{"provider":"p","vars":{"id":"s-9"}}`), `f, results.results[0]: vars.id is "s-9", which the dataset does not have`},
		{foo, result(`{"provider":"p","vars":{"name":"Ada Shirt"}}`), `its vars fit items "s-1" and "s-2" alike`},
		{foo, result(`{"provider":"p","vars":{"who":"x"}}`), "belongs to no item of the dataset"},
		{foo, result(`{"provider":"p","vars":{"id":"s-1"},"latencyMs":-1,"response":{"output":"x"}}`), "f, results.results[0].latencyMs: want milliseconds"},
		{foo, result(`{"provider":"p","vars":{"id":"s-1"},"cost":-1}`), "f, results.results[0].cost: want an amount"},
		{foo, result(`{"provider":"p","vars":{"id":"s-1"},"tokenUsage":{"prompt":-1}}`), "tokenUsage: want numbers of tokens"},
		{foo, result(`{"provider":"p","vars":{"id":"s-1"},"latencyMs":"x"}`), "f, results.results[0]: is not a promptfoo result"},
		{"xml", "", `unknown format "xml"`},
		{evaluate.RecordJSONL, `{"id":"a","text":"x","latency_ms":-1}`, "f, line 1: field latency_ms: want milliseconds"},
		{evaluate.RecordJSONL, `{"id":"a","text":"x","usage":{"prompt_tokens":-1}}`, "f, line 1: a number of tokens is negative"},
		{evaluate.RecordJSONL, `{"id":"a","text":"x","cost":-1}`, "f, line 1: the cost is negative"},
		{evaluate.RecordJSONL, `{"id":"a","text":"x","latency_ns":-1}`, "f, line 1: the latency is negative"},
	} {
		_, err := evaluate.ReadRecorded(strings.NewReader(c.text), "f", c.format, shirts())
		if err == nil || !strings.Contains(err.Error(), c.want) || stylesprint.CodeOf(err) != stylesprint.CodeInvalid {
			t.Errorf("%.60q: %v, want %q", c.text, err, c.want)
		}
	}
}

func FuzzReadRecorded(f *testing.F) {
	f.Add("promptfoo", promptfooExport)
	f.Add("csv", "id,output,provider,cost\n1,x,a,0.1\n")
	f.Add("jsonl", `{"id":"s-1","text":"x","candidate":"a","latency_ms":12.5}`)
	f.Fuzz(func(t *testing.T, format, text string) {
		got, err := evaluate.ReadRecorded(strings.NewReader(text), "f", evaluate.RecordFormat(format), shirts())
		if err != nil {
			return
		}
		for _, r := range got {
			if r.Candidate == "" || r.Recording.Len() == 0 || r.Recording.Repeat() > 1000 {
				t.Fatalf("%+v was accepted", r)
			}
		}
	})
}
