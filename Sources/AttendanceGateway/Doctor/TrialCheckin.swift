import AttendanceCore
import AttendanceDelivery
import AttendanceWeb

/// A real check-in that attendance leaves out, made to see whether the site keeps the time it is sent, and deleted.
struct TrialCheckin: Sendable {
    let title: String
    let site: Settings.ERP
    let reader: SiteReader
    /// Document name.
    let employee: String
    /// The site's own.
    let time: WallTime
    let audit: @Sendable (AuditOrder) async throws -> Void

    private static let device = "attendance-gateway doctor"

    func run() async -> [CheckResult] {
        do {
            try await audit(
                AuditOrder(
                    action: "doctor.trial-checkin", subject: "\(site.name): \(employee)",
                    detail: "a check-in at \(time) that attendance leaves out, to be deleted at once",
                    author: .atCommandLine))
        } catch {
            return [
                .failure(
                    title, "not made: the audit trail cannot be written (\(error.localizedDescription))",
                    "run this as the user of the gateway")
            ]
        }
        let answer = await reader.insertTrialCheckin(
            employee: employee, time: time, deviceID: Self.device, endpoint: site.checkinMethod)
        guard let made = answer.value else { return await refused(answer) }
        // The answer echoes what was sent; what was stored is another question.
        let stored = await reader.checkin(named: made.name).value
        var results = [judgement(made, stored)]
        if let left = await remove(made.name) { results.append(left) }
        return results
    }

    private func judgement(_ made: SiteCheckin, _ stored: SiteCheckin?) -> CheckResult {
        let time = stored?.time ?? made.time
        guard made.time == self.time, time == self.time else {
            return .failure(
                title,
                "\(made.name) was sent with \(self.time), and the site made it \(made.time == self.time ? time : made.time)",
                "the API user's role lacks write at permission level 1 on Employee Checkin: give it the role HR User "
                    + "(or HR Manager), else every punch gets the time of its delivery")
        }
        guard let stored else {
            return .warning(
                title, "\(made.name) was taken with the right time, and could not be read back",
                "give the API user read on Employee Checkin")
        }
        return .ok(title, "\(stored.name) was made for \(employee) with the time as sent (level 1 is there)")
    }

    /// Nil when it is gone.
    private func remove(_ name: String) async -> CheckResult? {
        let problem = await reader.deleteCheckin(named: name).problem
        // Gone is what counts, not what was answered.
        if case .missing = await reader.checkin(named: name) { return nil }
        guard let problem else {
            return .warning(
                title, "\(name) was deleted, and the site shows it still",
                "delete Employee Checkin \(name) in ERPNext")
        }
        return .warning(
            title, "\(name) could not be deleted: \(problem.reason)",
            "delete Employee Checkin \(name) in ERPNext")
    }

    private func refused(_ answer: SiteAnswer<SiteCheckin>) async -> [CheckResult] {
        let problem = answer.problem ?? SiteProblem(reason: "no answer")
        var results = [
            CheckResult.failure(
                title, problem.reason,
                problem.remedy
                    ?? "look at the site's Error Log, and whether --employee is a document name like HR-EMP-00007"
            )
        ]
        guard case .unavailable = answer else { return results }
        // It may have been made all the same.
        let found = await reader.checkins(
            from: time, until: WallTime(seconds: time.seconds + 1), employees: [employee])
        for checkin in found.value?.checkins ?? [] where checkin.deviceID == Self.device {
            if let left = await remove(checkin.name) { results.append(left) }
        }
        if found.value == nil {
            results.append(
                .warning(
                    title, "whether a check-in was made is not known",
                    "look in ERPNext for an Employee Checkin of \(employee) at \(time), and delete it"))
        }
        return results
    }
}
