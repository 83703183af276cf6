package prompt_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"stylesprint"
	"stylesprint/generate"
	"stylesprint/generate/fake"
	"stylesprint/prompt"
)

// model is how a caller joins a chain and a client.
func model(d generate.Driver) prompt.Model {
	c := generate.New(d, generate.Options{Price: stylesprint.Price{InputPerMillion: 1, OutputPerMillion: 1}})
	return func(ctx context.Context, messages []stylesprint.Message) (stylesprint.Reply, error) {
		return c.Generate(ctx, generate.Request{Messages: messages})
	}
}

func TestChain(t *testing.T) {
	t.Parallel()
	good, bad := `{"name":"Mira","sizes":[]}`, `{"name":"Mira"}`
	down := &stylesprint.Error{Code: stylesprint.CodeUnavailable, Message: "down"}
	cases := []struct {
		name    string
		answers []fake.Answer
		repair  bool
		code    stylesprint.Code
		replies int
		fixed   bool
	}{
		{"at once", []fake.Answer{{Text: good}}, true, "", 1, false},
		{"repaired", []fake.Answer{{Call: 1, Text: bad}, {Call: 2, Text: good}}, true, "", 2, true},
		{"not asked to repair", []fake.Answer{{Call: 1, Text: bad}, {Call: 2, Text: good}}, false, stylesprint.CodeUpstream, 1, false},
		{"once only", []fake.Answer{{Call: 1, Text: bad}, {Call: 2, Text: bad}, {Call: 3, Text: good}}, true, stylesprint.CodeUpstream, 2, false},
		{"model fails", []fake.Answer{{Err: down}}, true, stylesprint.CodeUnavailable, 0, false},
		{"model fails at the repair", []fake.Answer{{Call: 1, Text: bad}, {Call: 2, Err: down}}, true, stylesprint.CodeUnavailable, 1, false},
	}
	for _, k := range cases {
		t.Run(k.name, func(t *testing.T) {
			t.Parallel()
			for i := range k.answers {
				if k.answers[i].Err != nil {
					k.answers[i].Usage = &stylesprint.Usage{}
				}
			}
			d := fake.New(fake.Script{Answers: k.answers})
			chain := prompt.Chain[product]{
				Template: parse(t, front("a")+"Describe {{a}} as JSON."), Model: model(d), Parse: prompt.JSON[product](schema(t, productSchema)), Repair: k.repair,
			}
			out, err := chain.Run(t.Context(), map[string]string{"a": "Mira"})
			if stylesprint.CodeOf(err) != k.code || out.Repaired != k.fixed {
				t.Fatalf("repaired %t, error %v", out.Repaired, err)
			}
			if err == nil && out.Value.Name != "Mira" {
				t.Errorf("value %+v", out.Value)
			}
			var sum stylesprint.Usage
			var cost stylesprint.Money
			for _, r := range out.Replies {
				sum, cost = sum.Add(r.Usage), cost+r.Cost
			}
			if out.Usage != sum || out.Cost != cost || out.Messages[0].Content != "Describe Mira as JSON." {
				t.Errorf("%+v", out)
			}
			if k.fixed {
				if last := d.Calls()[1].Messages; len(last) != 3 || last[1].Content != bad || !strings.Contains(last[2].Content, `the field "sizes" is missing`) {
					t.Errorf("the model was asked: %+v", last)
				}
			}
		})
	}
}

func TestChainNeedsItsValues(t *testing.T) {
	t.Parallel()
	d := fake.New(fake.Script{})
	chain := prompt.Chain[string]{Template: parse(t, "---\nname: x\nvariables: [{name: a, required: true}]\n---\n{{a}}"), Model: model(d), Parse: prompt.Text}
	var fault *prompt.FaultError
	if _, err := chain.Run(t.Context(), nil); !errors.As(err, &fault) || len(d.Calls()) != 0 {
		t.Errorf("%v after %d calls", err, len(d.Calls()))
	}
}

func Example() {
	set, err := prompt.Builtin()
	if err != nil {
		fmt.Println(err)
		return
	}
	t, err := set.Find("plain")
	if err != nil {
		fmt.Println(err)
		return
	}
	messages, err := t.Render(map[string]string{"name": "Mira Linen Midi Dress", "colour": "sage green"})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, m := range messages {
		fmt.Printf("%s:\n%s\n", m.Role, m.Content)
	}
	// Output:
	// user:
	// Write a short product description.
	//
	// Name: Mira Linen Midi Dress
	// Colour: sage green
}

func ExampleChain() {
	t, err := prompt.Parse([]byte("---\nname: care\nvariables: [{name: text, required: true}]\n---\nList the care instructions in: {{text}}\n"))
	if err != nil {
		fmt.Println(err)
		return
	}
	client := generate.New(fake.New(fake.Script{Answers: []fake.Answer{{Text: "Sure! Here are the instructions:\n- wash at 30 °C\n- dry flat"}}}), generate.Options{})
	defer client.Close()
	chain := prompt.Chain[[]string]{Template: t, Parse: prompt.List, Model: func(ctx context.Context, messages []stylesprint.Message) (stylesprint.Reply, error) {
		return client.Generate(ctx, generate.Request{Messages: messages})
	}}
	out, err := chain.Run(context.Background(), map[string]string{"text": "Wash it at 30 degrees and dry it flat."})
	fmt.Printf("%q %v\n", out.Value, err)
	// Output: ["wash at 30 °C" "dry flat"] <nil>
}
