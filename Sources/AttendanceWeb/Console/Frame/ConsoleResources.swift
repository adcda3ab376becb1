import Foundation
import Mustache

/// The files of `Resources/`, which are part of the program. A test sees to it that each is named here.
enum ConsoleResources {
    /// Templates and words by the name of their page.
    struct Page: Sendable {
        var name: String
        var template: [UInt8]
        var words: [UInt8]
    }

    static let layout = PackageResources.layout_mustache
    static let frameWords = PackageResources.frame_words_json
    static let style = PackageResources.console_css
    static let script = PackageResources.console_js
    static let icon = PackageResources.icon_svg

    static let pages: [Page] = [
        Page(
            name: "account", template: PackageResources.account_mustache,
            words: PackageResources.account_words_json),
        Page(
            name: "accounts", template: PackageResources.accounts_mustache,
            words: PackageResources.accounts_words_json),
        Page(
            name: "alerts", template: PackageResources.alerts_mustache,
            words: PackageResources.alerts_words_json),
        Page(
            name: "audit", template: PackageResources.audit_mustache,
            words: PackageResources.audit_words_json),
        Page(
            name: "corrections", template: PackageResources.corrections_mustache,
            words: PackageResources.corrections_words_json),
        Page(
            name: "deliveries", template: PackageResources.deliveries_mustache,
            words: PackageResources.deliveries_words_json),
        Page(
            name: "deliveries-attempts", template: PackageResources.deliveries_attempts_mustache,
            words: PackageResources.deliveries_attempts_words_json),
        Page(
            name: "deliveries-shifts", template: PackageResources.deliveries_shifts_mustache,
            words: PackageResources.deliveries_shifts_words_json),
        Page(
            name: "explain", template: PackageResources.explain_mustache,
            words: PackageResources.explain_words_json),
        Page(
            name: "overview", template: PackageResources.overview_mustache,
            words: PackageResources.overview_words_json),
        setup("setup-account", PackageResources.setup_account_mustache),
        setup("setup-admission", PackageResources.setup_admission_mustache),
        setup("setup-done", PackageResources.setup_done_mustache),
        setup("setup-erpnext", PackageResources.setup_erpnext_mustache),
        setup("setup-link", PackageResources.setup_link_mustache),
        setup("setup-start", PackageResources.setup_start_mustache),
        setup("setup-steps", PackageResources.setup_steps_mustache),
        setup("setup-terminal", PackageResources.setup_terminal_mustache),
        setup("setup-write", PackageResources.setup_write_mustache),
        setup("setup-zone", PackageResources.setup_zone_mustache),
        Page(
            name: "punches", template: PackageResources.punches_mustache,
            words: PackageResources.punches_words_json),
        Page(
            name: "reconcile", template: PackageResources.reconcile_mustache,
            words: PackageResources.reconcile_words_json),
        Page(
            name: "settings", template: PackageResources.settings_mustache,
            words: PackageResources.settings_words_json),
        Page(
            name: "sign-in", template: PackageResources.sign_in_mustache,
            words: PackageResources.sign_in_words_json),
        Page(
            name: "system", template: PackageResources.system_mustache,
            words: PackageResources.system_words_json),
        Page(
            name: "people", template: PackageResources.people_mustache,
            words: PackageResources.people_words_json),
        Page(
            name: "person", template: PackageResources.person_mustache,
            words: PackageResources.people_words_json),
        Page(
            name: "people-unmatched", template: PackageResources.people_unmatched_mustache,
            words: PackageResources.people_words_json),
        Page(
            name: "terminals", template: PackageResources.terminals_mustache,
            words: PackageResources.terminals_words_json),
        Page(
            name: "terminal", template: PackageResources.terminal_mustache,
            words: PackageResources.terminals_words_json),
        Page(
            name: "terminal-command", template: PackageResources.terminal_command_mustache,
            words: PackageResources.terminals_words_json),
        Page(
            name: "terminal-traffic", template: PackageResources.terminal_traffic_mustache,
            words: PackageResources.terminals_words_json),
        Page(
            name: "trouble", template: PackageResources.trouble_mustache,
            words: PackageResources.trouble_words_json),
    ]

    /// The pages of the wizard share their words.
    private static func setup(_ name: String, _ template: [UInt8]) -> Page {
        Page(name: name, template: template, words: PackageResources.setup_words_json)
    }
}
