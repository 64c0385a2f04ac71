"""Wire formats of others: each folder translates one protocol into verbs, and back."""
