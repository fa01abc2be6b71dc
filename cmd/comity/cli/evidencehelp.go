package cli

// Help shows examples.
func (evidenceCmd) Help() string {
	return `Examples:
  comity evidence put case1_… disk.img --original
  comity evidence list case1_…
  comity evidence get evidence1_… --purpose INVESTIGATION -o disk.img`
}

// Help shows examples.
func (evidenceListCmd) Help() string {
	return `Examples:
  comity evidence list case1_…
  comity evidence list case1_… --purpose INVESTIGATION`
}
