SUMMARY = A small library
LICENSE = MIT
