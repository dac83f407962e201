"""Does a series rise? Its slope by least squares over means of equal parts, so that what follows closely on each other does not count
as so many witnesses, with the half width of its 95 % interval."""

import dataclasses
import math
import statistics

PARTS = 20
STUDENT = (12.71, 4.3, 3.18, 2.78, 2.57, 2.45, 2.36, 2.31, 2.26, 2.23, 2.2, 2.18, 2.16, 2.14, 2.13, 2.12, 2.11, 2.1)  # of 1 to 18
TRIFLE = 0.01  # of the mean, over the whole time: a page more is no leak


@dataclasses.dataclass
class Trend:
    mean: float
    slope: float  # per hour
    error: float  # the same
    change: float  # over the time that was looked at, by the slope

    @property
    def rises(self):
        return self.slope > self.error and self.change > TRIFLE * abs(self.mean)


def parts_of(points, count):
    """[(mean time, mean value)] of `count` runs of neighbours."""
    parts = [points[len(points) * i // count:len(points) * (i + 1) // count] for i in range(count)]
    return [(statistics.fmean(t for t, _ in part), statistics.fmean(v for _, v in part)) for part in parts if part]


def trend(points):
    """`points`: (seconds, value), at least three."""
    parts = parts_of(points, min(PARTS, len(points)))
    n, times, values = len(parts), *zip(*parts)
    t_mean, mean = statistics.fmean(times), statistics.fmean(values)
    spread = sum((t - t_mean) ** 2 for t in times)
    slope = sum((t - t_mean) * (v - mean) for t, v in parts) / spread
    rest = sum((v - mean - slope * (t - t_mean)) ** 2 for t, v in parts)
    error = STUDENT[n - 3] * math.sqrt(rest / (n - 2) / spread)
    return Trend(mean, slope * 3600, error * 3600, slope * (points[-1][0] - points[0][0]))
