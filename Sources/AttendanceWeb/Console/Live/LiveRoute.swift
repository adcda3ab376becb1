import AttendanceCore
import Foundation
import Hummingbird

extension Console {
    /// `GET /live`: server-sent events. `changed` names topics, `punches` brings rows.
    ///
    /// With `terminal=`, `group=` or `person=` as in the search of punches only those; within the reach of whoever looks.
    func addLive(to router: RouterGroup<ConsoleContext>) {
        router.get("live") { request, context in
            guard let principal = context.principal else { throw HTTPError(.unauthorized) }
            let search = try request.search()
            // A list that is a search for something old does not grow.
            let terminal = search["terminal"].flatMap { SerialNumber($0) }
            let person = search["person"]
            let family = search["group"].map(Reach.folded)
            let session = Cookies(request)[Cookies.session] ?? ""
            let response = live.stream { [accounts] in
                // Where the journal cannot tell, the page comes back and asks again.
                (try? await accounts.principal(session: session, isActivity: false)) != nil
            } text: {
                try Self.text($0, for: principal, terminal: terminal, group: family, person: person)
            }
            guard let response else { throw HTTPError(.serviceUnavailable) }
            return response
        }
    }

    private static func text(
        _ event: LiveHub.Event, for principal: Principal, terminal: SerialNumber?, group: String?,
        person: String?
    ) throws -> String {
        switch event {
        case .alive: return ":\n\n"
        case .changed(let topics):
            return "event: changed\ndata: \(topics.map(\.rawValue).sorted().joined(separator: " "))\n\n"
        case .punches(let all):
            let mine = all.filter {
                principal.reaches(group: $0.group) && (terminal == nil || $0.serial == terminal)
                    && (group == nil || $0.group.map(Reach.folded) == group)
                    && (person == nil || $0.person == person || $0.name == person)
            }
            guard !mine.isEmpty else { return "" }
            let json = String(decoding: try JSONEncoder().encode(mine), as: UTF8.self)
            return "event: punches\ndata: \(json)\n\n"
        }
    }
}
