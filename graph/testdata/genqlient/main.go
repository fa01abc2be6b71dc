// A client in Go: it files a case, reads it back, and is refused something, all typed.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"net/http"
	"os"

	"agency.example/client/comity"

	"github.com/Khan/genqlient/graphql"
	"github.com/google/uuid"
)

func main() {
	ctx := context.Background()
	api := graphql.NewClient(os.Args[1], http.DefaultClient)
	filed, err := comity.CaseFile(ctx, api, comity.CaseFileInput{
		IdempotencyKey: uuid.NewString(),
		Category:       "RANSOMWARE",
		Title:          "Filed from Go",
		Nexus:          []comity.NexusInput{{Basis: comity.NexusBasisTerritory, State: "KZ"}, {Basis: comity.NexusBasisEffects, State: "AM"}},
	})
	check(err)
	if len(filed.CaseFile.Errors) > 0 {
		log.Fatalf("%+v", filed.CaseFile.Errors)
	}
	id := filed.CaseFile.Case.Id

	open := comity.CaseStatusOpen
	cases, err := comity.Cases(ctx, api, &comity.CaseFilter{Status: &open}, nil, 10, nil)
	check(err)
	var titles []string
	for _, c := range cases.Viewer.Cases.Nodes {
		titles = append(titles, *c.Title)
	}

	found, err := comity.Case(ctx, api, id, nil)
	check(err)
	var level comity.AccessLevel
	if c, ok := (*found.Node).(*comity.CaseNodeCase); ok {
		level = c.Access.Level
	}

	title := "Late"
	late, err := comity.CaseUpdate(ctx, api, comity.CaseUpdateInput{IdempotencyKey: uuid.NewString(), Id: id, ExpectedVersion: 7, Title: &title})
	check(err)
	var codes []string
	for _, e := range late.CaseUpdate.Errors {
		if c, ok := e.(*comity.CaseUpdateCaseUpdateCaseUpdatePayloadErrorsConflictError); ok {
			codes = append(codes, c.Code)
		}
	}

	out, err := json.Marshal(map[string]any{"id": id, "titles": titles, "total": cases.Viewer.Cases.TotalCount, "level": level, "codes": codes})
	check(err)
	fmt.Println(string(out))
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
