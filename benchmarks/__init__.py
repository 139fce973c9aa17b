"""What nobody needs to score a day: the making of the feed's statistics, and how well synthetic rows pass for real."""
