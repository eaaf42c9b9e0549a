// Judges objects as Flux, kpt and kubectl's own tools do: one status of kstatus for each object of a JSON list.
package main

import (
	"encoding/json"
	"fmt"
	"os"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/cli-utils/pkg/kstatus/status"
)

type verdict struct {
	Status  string `json:"status"`
	Message string `json:"message"`
}

func main() {
	if err := judge(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func judge() error {
	var objects []json.RawMessage
	if err := json.NewDecoder(os.Stdin).Decode(&objects); err != nil {
		return err
	}
	verdicts := make([]verdict, 0, len(objects))
	for _, each := range objects {
		var object unstructured.Unstructured
		if err := object.UnmarshalJSON(each); err != nil {
			return err
		}
		result, err := status.Compute(&object)
		if err != nil {
			return err
		}
		verdicts = append(verdicts, verdict{Status: string(result.Status), Message: result.Message})
	}
	return json.NewEncoder(os.Stdout).Encode(verdicts)
}
