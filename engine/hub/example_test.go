package hub_test

import (
	"encoding/binary"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"stylesprint/engine/hub"
)

func ExampleOpenSafetensors() {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	header := `{"scale":{"dtype":"BF16","shape":[2],"data_offsets":[0,4]}}`
	data := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	data = append(append(data, header...), 0x80, 0x3f, 0x00, 0xc0)
	if err := os.WriteFile(filepath.Join(dir, "model.safetensors"), data, 0o644); err != nil {
		log.Fatal(err)
	}

	model, err := hub.OpenSafetensors(dir)
	if err != nil {
		log.Fatal(err)
	}
	defer model.Close()
	scale, _ := model.Tensor("scale")
	values, err := scale.Float32(nil)
	fmt.Println(scale.Type, scale.Shape, values, err)
	// Output: BF16 [2] [1 -2] <nil>
}
