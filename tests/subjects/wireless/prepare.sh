#!/bin/sh
# Makes a bare Debian host two access points and a host that joins networks, as somebody in a hurry would. Where the kernel
# can simulate radios (a virtual machine, not a container), there are six: the access points run on the first two, and
# NetworkManager has the next two and joins with one of them.
set -eu
export DEBIAN_FRONTEND=noninteractive
if [ ! -x /usr/sbin/hostapd ] || [ ! -x /usr/sbin/wpa_supplicant ] || [ ! -x /usr/sbin/iw ]; then
    apt-get update -q
    apt-get install -qy --no-install-recommends hostapd wpasupplicant iw
fi
radios=0
if modprobe mac80211_hwsim radios=6 2>/dev/null; then radios=6; fi
phrase() { head -c 24 /dev/urandom | od -An -tx1 | tr -d ' \n' | cut -c1-32; }
staff=$(phrase)
curator=$(phrase)

# hostapd's own defaults: WPA2 with a passphrase, TKIP, and readable by everybody.
cat >/etc/hostapd/hostapd.conf <<END
# The access point of the museum's staff
interface=wlan0
driver=nl80211
ctrl_interface=/run/hostapd
ssid=museum-staff
country_code=JP
hw_mode=g
channel=6
wpa=2
wpa_passphrase=$staff
END
chmod 644 /etc/hostapd/hostapd.conf

# An access point that asks for a user and a password, with its own server and an authority made for it.
mkdir -p /etc/hostapd/eap
if [ ! -f /etc/hostapd/eap/ca.pem ]; then
    new='-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes'
    (
        umask 077
        cd /etc/hostapd/eap
        # shellcheck disable=SC2086 # words
        openssl req -x509 $new -keyout ca.key -out ca.pem -days 3650 -subj "/CN=The museum's authority"
        # shellcheck disable=SC2086
        openssl req $new -keyout server.key -out server.csr -subj /CN=radius.museum.example \
            -addext subjectAltName=DNS:radius.museum.example
        openssl x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -copy_extensions copy -days 3650 \
            -out server.pem
    ) 2>/dev/null
fi
cat >/etc/hostapd/wlan1.conf <<END
interface=wlan1
driver=nl80211
ctrl_interface=/run/hostapd
ssid=museum-eap
country_code=JP
hw_mode=g
channel=11
wpa=2
wpa_key_mgmt=WPA-EAP
ieee8021x=1
eap_server=1
eap_user_file=/etc/hostapd/eap/users
ca_cert=/etc/hostapd/eap/ca.pem
server_cert=/etc/hostapd/eap/server.pem
private_key=/etc/hostapd/eap/server.key
END
printf '* PEAP\n"curator" MSCHAPV2 "%s" [2]\n' "$curator" >/etc/hostapd/eap/users

cat >/etc/wpa_supplicant/wpa_supplicant-wlan9.conf <<END
ctrl_interface=DIR=/run/wpa_supplicant GROUP=netdev
network={
	ssid="museum-staff"
	psk="$staff"
}
network={
	ssid="museum-eap"
	key_mgmt=WPA-EAP
	eap=PEAP
	identity="curator"
	password="$curator"
	ca_cert="/etc/hostapd/eap/ca.pem"
	domain_suffix_match="radius.museum.example"
	phase2="auth=MSCHAPV2"
}
END

mkdir -p /etc/NetworkManager/system-connections
cat >/etc/NetworkManager/system-connections/cafe.nmconnection <<END
[connection]
id=cafe
uuid=6f0d3e4c-3a0e-4f39-9a64-0f0b1a6d7c11
type=wifi

[wifi]
mode=infrastructure
ssid=corner cafe

[wifi-security]
key-mgmt=wpa-psk
psk=$(phrase)
END
cat >/etc/NetworkManager/system-connections/staff.nmconnection <<END
[connection]
id=staff
uuid=0b3c1f52-6a52-4c0e-8f0e-8a5f0c8f2f77
type=wifi

[wifi]
mode=infrastructure
ssid=museum-staff

[wifi-security]
key-mgmt=wpa-psk
psk=$staff

[ipv4]
method=disabled

[ipv6]
method=disabled
END
cat >/etc/NetworkManager/system-connections/login.nmconnection <<END
[connection]
id=login
uuid=7f0a6a0d-31a5-4a35-9d0e-6f5c6a0c2c55
type=wifi
autoconnect=false

[wifi]
mode=infrastructure
ssid=museum-eap

[wifi-security]
key-mgmt=wpa-eap

[802-1x]
eap=peap;
identity=curator
password=$curator
phase2-auth=mschapv2
ca-cert=/etc/hostapd/eap/ca.pem
domain-suffix-match=radius.museum.example
END
chmod 600 /etc/NetworkManager/system-connections/*

mkdir -p /var/lib/iwd
chmod 700 /var/lib/iwd
printf '[Security]\nPassphrase=%s\n' "$staff" >/var/lib/iwd/museum-staff.psk
chmod 600 /var/lib/iwd/museum-staff.psk

systemctl unmask hostapd.service
if [ "$radios" -gt 0 ]; then
    printf 'mac80211_hwsim\n' >/etc/modules-load.d/hwsim.conf
    printf 'options mac80211_hwsim radios=%s\n' "$radios" >/etc/modprobe.d/hwsim.conf
    systemctl enable hostapd.service hostapd@wlan1.service
    systemctl restart hostapd.service hostapd@wlan1.service
    if [ ! -x /usr/sbin/NetworkManager ]; then
        mkdir -p /etc/NetworkManager/conf.d
        printf '[main]\nno-auto-default=*\n[keyfile]\nunmanaged-devices=*,except:interface-name:wlan2,except:interface-name:wlan3\n' \
            >/etc/NetworkManager/conf.d/two-radios.conf
        apt-get install -qy --no-install-recommends network-manager
    fi
    systemctl restart NetworkManager.service
fi
