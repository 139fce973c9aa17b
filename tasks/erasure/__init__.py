"""One applicant out of everything: found, cut out, accounted for, and the record of it."""
