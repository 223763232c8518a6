"""Clone Hero, YARG and Rock Band: charts for four pads and a pedal, as notes.mid, .chart and song folders."""
