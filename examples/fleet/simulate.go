package main

func simulate(string) error { return nil }
