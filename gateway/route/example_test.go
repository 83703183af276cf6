package route_test

import (
	"context"
	"fmt"

	"stylesprint"
	"stylesprint/gateway/route"
	"stylesprint/generate"
	"stylesprint/generate/fake"
)

func Example() {
	down := generate.New(fake.New(fake.Script{Answers: []fake.Answer{{Err: &stylesprint.Error{Code: stylesprint.CodeUnavailable, Message: "overloaded"}}}}), generate.Options{})
	well := generate.New(fake.New(fake.Script{Answers: []fake.Answer{{Text: "A cool linen shirt."}}}), generate.Options{})
	defer down.Close()
	defer well.Close()

	r, err := route.New(route.Options{
		Targets: []route.Target{
			{Name: "near", Client: down, Model: "small"},
			{Name: "far", Client: well, Model: "large", Price: stylesprint.Price{InputPerMillion: 0.15, OutputPerMillion: 0.6}},
		},
		Routes: []route.Route{{Name: "writer", Shares: []route.Share{
			{Release: "r7", Percent: 100, Targets: []route.Choice{{Target: "near", Priority: 1}, {Target: "far", Priority: 2}}},
		}}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	reply, err := r.Generator("writer").Generate(context.Background(), generate.Request{
		Messages: []stylesprint.Message{{Role: stylesprint.RoleUser, Content: "Describe a linen shirt."}},
	})
	fmt.Println(reply.Text, reply.Release, reply.Target, reply.Attempts, reply.Billed, err)
	// Output: A cool linen shirt. r7 far 2 0.000003 <nil>
}
