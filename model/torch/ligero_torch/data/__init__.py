"""Where sound comes from: files, corpora, mixtures, rooms, lists of mixtures."""
