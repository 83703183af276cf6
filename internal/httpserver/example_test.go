package httpserver_test

import (
	"context"
	"fmt"
	"net"
	"net/http"

	"stylesprint/internal/httpserver"
)

func Example() {
	ctx, stop := context.WithCancel(context.Background())
	hello := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "hello") })
	s, err := httpserver.New(httpserver.Options{
		Addr:      "127.0.0.1:0",
		Handler:   httpserver.Chain(hello, httpserver.LocalOnly(), httpserver.RequestID()),
		Listening: func(net.Addr) { stop() }, // a real program stops on a signal
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(s.Run(ctx))
	// Output: <nil>
}
