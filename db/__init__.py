"""What Attune remembers: users, their PBox with its history, events, and the journal of turns and lists."""
