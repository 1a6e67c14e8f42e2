"""The REST interface of Dogtag's CA, for its clients: its addresses, shapes, words and errors."""
