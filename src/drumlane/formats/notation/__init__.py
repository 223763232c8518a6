"""Notation: a performance as a page that reads: MusicXML, drum tablature, printed pages."""
