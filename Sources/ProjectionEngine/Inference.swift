import EventStore
import LedgerCore
import Projections

/// Finds the event at which a logic that is not at hand parted from this build's, by the rows
/// that it has left: the first event which moves a figure of a day that differs.
struct Inference {
    let live: PositionRows
    let other: PositionRows

    private static let days = "analytics.position_days"
    /// Columns of a day that say when something was booked, not what.
    private static let stamps: Set<String> = ["log_position", "changed_at"]

    /// A day of a leg, and the columns in which both differ there.
    private struct Place {
        var day: String
        var leg: String
        var columns: Set<String>
    }

    /// The index of the event, and why it is that one.
    func firstEvent(_ steps: AccountSteps) -> (index: Int, why: String)? {
        let places = places()
        if let (index, place) = firstEvent(steps, moving: places) {
            let columns = place.columns.sorted().joined(separator: ", ")
            return (
                index,
                "the first event that moves what differs in the days of the legs, here \(columns) "
                    + "of leg \(place.leg) on \(place.day)"
            )
        }
        return firstEventOfOthers(steps)
    }

    /// The days that differ, the first one first.
    private func places() -> [Place] {
        var places: [Place] = []
        for difference in live.differences(to: other) where difference.table == Self.days {
            func key(_ name: String) -> String {
                difference.key.first { $0.column == name }?.value ?? ""
            }
            var columns = Set(difference.columns.map(\.name)).subtracting(Self.stamps)
            // Zeros say nothing of a row that only one has.
            for column in difference.columns
            where column.before ?? "0" == "0" && column.after ?? "0" == "0" {
                columns.remove(column.name)
            }
            columns.formIntersection(
                ["price_pnl", "fees", "funding", "adjustments", "fills", "volume"])
            guard !columns.isEmpty else { continue }
            places.append(Place(day: key("day"), leg: key("leg"), columns: columns))
        }
        return places.sorted { ($0.day, $0.leg) < ($1.day, $1.leg) }
    }

    /// The first event, in the order of the log, that moves a column that differs, and where.
    private func firstEvent(
        _ steps: AccountSteps, moving places: [Place]
    ) -> (index: Int, place: Place)? {
        var found: (index: Int, place: Place)?
        var index = 0
        steps.walk { event, before, after, _ in
            defer { index += 1 }
            guard found == nil else { return }
            let leg = event.payload.leg
            for place in places where leg == nil || leg == place.leg {
                let old = Self.day(place, before)
                let new = Self.day(place, after)
                if place.columns.contains(where: { old[$0] ?? "0" != new[$0] ?? "0" }) {
                    found = (index, place)
                    return
                }
            }
        }
        return found
    }

    private static func day(_ place: Place, _ account: PositionAccount?) -> [String: String] {
        guard let account, let leg = account.legs.first(where: { $0.terms.leg == place.leg }),
            let day = leg.days.first(where: { $0.day.description == place.day })
        else { return [:] }
        return [
            "price_pnl": day.pricePnl.description, "fees": day.fees?.description ?? "null",
            "funding": day.funding?.description ?? "null",
            "adjustments": day.adjustments.description, "fills": String(day.fills),
            "volume": day.volume?.description ?? "null",
        ]
    }

    /// Where no day differs: the first event that moves a column which differs in another table.
    private func firstEventOfOthers(_ steps: AccountSteps) -> (index: Int, why: String)? {
        let differences = live.differences(to: other)
        var found: (index: Int, why: String)?
        var index = 0
        steps.walk { _, before, after, why in
            defer { index += 1 }
            guard found == nil else { return }
            let old = PositionRows(before, stale: nil)
            let new = PositionRows(after, stale: why)
            for change in old.differences(to: new) {
                let moved = Set(change.columns.map(\.name)).subtracting(Self.stamps)
                for difference in differences
                where difference.table == change.table && difference.key == change.key {
                    let columns = Set(difference.columns.map(\.name)).subtracting(Self.stamps)
                    guard let column = columns.intersection(moved).sorted().first else { continue }
                    found = (index, "the first event that moves \(column) of \(change.table)")
                    return
                }
            }
        }
        return found
    }
}
