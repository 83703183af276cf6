package web_test

import (
	"fmt"
	"net/http/httptest"
	"strings"

	"stylesprint/web"
)

func ExampleNew() {
	pages, err := web.New(web.Options{Runs: nothing{}, Version: "1.0"})
	if err != nil {
		fmt.Println(err)
		return
	}
	w := httptest.NewRecorder()
	pages.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	_, title, _ := strings.Cut(w.Body.String(), "<h1>")
	title, _, _ = strings.Cut(title, "</h1>")
	fmt.Println(w.Code, title)
	// Output: 200 No model is served yet; nothing evaluated yet
}
