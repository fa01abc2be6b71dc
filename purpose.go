package comity

// Purpose is the purpose for which a grant lets a record be used and which a
// foreign read declares (Article 9).
type Purpose string

// The purposes.
const (
	PurposeInvestigation        Purpose = "INVESTIGATION"
	PurposeProsecution          Purpose = "PROSECUTION"
	PurposePrevention           Purpose = "PREVENTION"
	PurposeAssetRecovery        Purpose = "ASSET_RECOVERY"
	PurposeVictimIdentification Purpose = "VICTIM_IDENTIFICATION"
	PurposeDangerToLife         Purpose = "DANGER_TO_LIFE"
)

// Purposes lists them all.
var Purposes = []Purpose{PurposeInvestigation, PurposeProsecution, PurposePrevention, PurposeAssetRecovery,
	PurposeVictimIdentification, PurposeDangerToLife}

// Valid reports whether p is a purpose.
func (p Purpose) Valid() bool {
	for _, q := range Purposes {
		if p == q {
			return true
		}
	}
	return false
}
