import LedgerCore

/// Puts the fills of one coin into the order in which they happened, by `startPosition`: each fill
/// begins where the one before it has ended. `time` alone does not tell, because the fills of one
/// block have one millisecond, and files come newest first or oldest first.
///
/// The two sides of a trade of the account with itself both state the position before the trade, so
/// they go together. The side that reduces comes first, as the venue's closed P&L has it, unless
/// it would take the position to zero or beyond: then the position would seem to have been closed.
enum HyperliquidChain {
    /// A fill in its place.
    struct Step: Hashable, Sendable {
        var fill: HyperliquidFill
        /// The position before it; the venue's `startPosition` but for the second side of a trade
        /// with oneself.
        var before: Fixed
        var after: Fixed
        /// The second side of a trade with oneself.
        var isCounterpart = false
    }

    /// Fills without a gap: each begins where the one before it has ended.
    struct Run: Hashable, Sendable {
        var steps: [Step]
        var start: Fixed { steps.first?.before ?? .zero }
        var end: Fixed { steps.last?.after ?? .zero }
    }

    /// One fill, or both sides of a trade with oneself.
    private struct Link {
        var fills: [HyperliquidFill]
        var start: Fixed
        var end: Fixed
    }

    /// The runs of a coin's fills. A new one begins where the venue's position is not what the
    /// fills before come to: fills are missing there.
    static func runs(of fills: [HyperliquidFill]) throws(FixedError) -> [Run] {
        var runs: [Run] = []
        var at: Fixed?
        var index = 0
        let sorted = stablySorted(fills)
        while index < sorted.count {
            var end = index
            while end < sorted.count, sorted[end].time == sorted[index].time { end += 1 }
            for link in ordered(try links(of: sorted[index..<end]), from: at) {
                if link.start != at { runs.append(Run(steps: [])) }
                runs[runs.count - 1].steps += try steps(of: link)
                at = link.end
            }
            index = end
        }
        return runs
    }

    private static func stablySorted(_ fills: [HyperliquidFill]) -> [HyperliquidFill] {
        fills.enumerated().sorted {
            ($0.element.time, $0.offset) < ($1.element.time, $1.offset)
        }.map(\.element)
    }

    private static func links(of fills: ArraySlice<HyperliquidFill>) throws(FixedError) -> [Link] {
        var links: [Link] = []
        var open: [Int: HyperliquidFill] = [:]
        for fill in fills {
            if let place = open.keys.sorted().first(where: {
                open[$0]?.isOwnCounterpart(of: fill) == true
            }), let other = open.removeValue(forKey: place) {
                let pair = [other, fill]
                let reducing = pair.firstIndex { $0.side.sign == -$0.start.signum }
                let keeps = fill.qty < fill.start.magnitude
                links[place].fills =
                    (reducing == 1) == keeps && reducing != nil ? [fill, other] : pair
                links[place].end = try links[place].end.adding(try fill.moved())
            } else {
                open[links.count] = fill
                links.append(
                    Link(
                        fills: [fill], start: fill.start,
                        end: try fill.start.adding(try fill.moved())))
            }
        }
        return links
    }

    private static func steps(of link: Link) throws(FixedError) -> [Step] {
        var steps: [Step] = []
        var at = link.start
        for fill in link.fills {
            let after = try at.adding(try fill.moved())
            steps.append(
                Step(fill: fill, before: at, after: after, isCounterpart: !steps.isEmpty))
            at = after
        }
        return steps
    }

    // MARK: Within one millisecond

    /// All links, each where the one before it has ended as far as they can be put so.
    private static func ordered(_ links: [Link], from start: Fixed?) -> [Link] {
        guard links.count > 1 else { return links }
        var rest = links
        var ordered: [Link] = []
        var at = start
        while !rest.isEmpty {
            let from: Fixed
            if let at, rest.contains(where: { $0.start == at }) {
                from = at
            } else {
                from = head(of: rest)
            }
            let trail = trail(through: rest, from: from) ?? greedyTrail(through: rest, from: from)
            ordered += trail.map { rest[$0] }
            at = ordered.last?.end
            let used = Set(trail)
            rest = rest.indices.filter { !used.contains($0) }.map { rest[$0] }
        }
        return ordered
    }

    /// Where more links begin than end; else, on a round trip, the start that is nearest to flat.
    private static func head(of links: [Link]) -> Fixed {
        var surplus: [Fixed: Int] = [:]
        for link in links {
            surplus[link.start, default: 0] += 1
            surplus[link.end, default: 0] -= 1
        }
        let head = links.first { surplus[$0.start, default: 0] > 0 }
        let nearest = links.map(\.start).min {
            ($0.magnitude, $0) < ($1.magnitude, $1)
        }
        return head?.start ?? nearest ?? .zero
    }

    /// An Eulerian trail (Hierholzer): positions are the nodes, links the edges, and each is used
    /// once. nil if the links that can be reached from `start` cannot be walked in one go.
    private static func trail(through links: [Link], from start: Fixed) -> [Int]? {
        var leaving: [Fixed: [Int]] = [:]
        for index in links.indices.reversed() {
            leaving[links[index].start, default: []].append(index)
        }
        var stack: [(at: Fixed, by: Int?)] = [(start, nil)]
        var trail: [Int] = []
        while let top = stack.last {
            if let next = leaving[top.at]?.popLast() {
                stack.append((links[next].end, next))
            } else {
                stack.removeLast()
                if let by = top.by { trail.append(by) }
            }
        }
        trail.reverse()
        var at = start
        for index in trail {
            guard links[index].start == at else { return nil }
            at = links[index].end
        }
        return trail
    }

    /// From link to link in the order of the file, until none begins where the last has ended.
    private static func greedyTrail(through links: [Link], from start: Fixed) -> [Int] {
        var trail: [Int] = []
        var used: Set<Int> = []
        var at = start
        while let next = links.indices.first(where: { links[$0].start == at && !used.contains($0) })
        {
            trail.append(next)
            used.insert(next)
            at = links[next].end
        }
        return trail
    }
}
